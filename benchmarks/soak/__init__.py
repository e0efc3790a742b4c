"""Hours of mixed load with faults in a real JupyterLab: what grows, what is lost, what stalls."""
