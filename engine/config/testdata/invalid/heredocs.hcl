pipeline "one" {
  input "generator" {}
  processor "filter" {
    keep = <<EOT level == "x"
EOT
  }
  processor "batch" {
    cuont = 5
  }
  output "stdout" {}
}
pipeline "two" {
  input "generator" {}
  processor "filter" {
    keep = <<EOT
level == "x"
  }
  processor "batch" {
    cuont = 5
  }
  output "stdout" {}
}
