pipeline "logs" {
  input "generator" {}
  processor "filter" {
    keep = <<-EOT
      message == "%{IP:client} ${1,3}"
      && user == "${and more
    EOT
  }
  processor "batch" {
    cuont        = 5
    partition_by = ["a{2,3}$", "%{WORD:x}", "${HOME:-x}", "x${1,3}"]
  }
  output "file" {
    path = "logs/%Y/%{+YYYY.MM.dd}/100%{"
  }
  dead_letter "file" {
    path = "a%{endif}/%{if true}b"
    paht = "c"
  }
}
