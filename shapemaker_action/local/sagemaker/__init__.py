"""SageMaker itself: the control plane, its jobs and endpoints, and the runtime that invokes them."""
