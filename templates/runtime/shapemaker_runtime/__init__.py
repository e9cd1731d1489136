"""What runs inside the training and inference images: SageMaker's container contract around the user's model class."""
