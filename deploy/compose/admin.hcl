# Prometheus asks from another container. compose.yaml publishes the port on this machine's loopback address only.
admin {
  listen = ":9600"
}
