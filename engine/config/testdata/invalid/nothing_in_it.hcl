pipeline "logs" {
}
