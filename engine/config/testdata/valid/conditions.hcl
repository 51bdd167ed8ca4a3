# env: LEVEL=debug
pipeline "logs" {
  input "generator" {}
  processor "filter" {
    keep = "level == '${env("LEVEL")}' && status >= 500"
    drop = <<-EOT
      user.id matches '^u\\d+$' ||
        message.headers["x"] == "y"
    EOT
    rule {
      when = "has(\"level\")"
    }
  }
  processor "filter" {
    keep = null
  }
  output "stdout" {}
}
