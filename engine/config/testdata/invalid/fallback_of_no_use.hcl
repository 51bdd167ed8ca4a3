pipeline "never" {
  input "generator" {}
  processor "retry" {
    attempts = 0
  }
  output "stdout" {}
  fallback "file" {
    path = "/logs/fallback"
  }
}

pipeline "stays" {
  input "generator" {}
  output "file" {
    path = "/logs/out"
  }
  fallback "stdout" {}
}

pipeline "meant" {
  input "generator" {}
  output "file" {
    path = "/logs/out2"
  }
  fallback "stdout" {
    recover = false
  }
}
