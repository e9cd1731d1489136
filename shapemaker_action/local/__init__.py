"""The local SageMaker: one HTTP server on this machine that speaks the AWS API and really runs the containers."""
