pipeline "beside" {
  input "generator" {}
  processor "retry" {}
  branch "all" {
    output "stdout" {}
  }
  output "stdout" {}
  fallback "file" {
    path = "/var/log/fallback"
  }
}

pipeline "names" {
  input "generator" {}
  branch "a" {
    output "stdout" {}
  }
  branch "a" {
    output "stdout" {}
  }
  branch "With Spaces" {
    output "stdout" {}
  }
  branch {
    output "stdout" {}
  }
  branch "b" "c" {
    output "stdout" {}
  }
}

pipeline "inside" {
  input "generator" {}
  branch "no_output" {}
  branch "blocks" {
    wehn = "a == 1"
    input "generator" {}
    branch "nested" {
      output "stdout" {}
    }
    proccesor "json" {}
    processor "jason" {}
    buffer {}
    dead_letter "stdout" {}
    output "stdout" {}
    output "stdout" {}
  }
}

pipeline "order" {
  input "generator" {}
  branch "all" {
    output "stdout" {}
    processor "filter" {}
  }
  processor "filter" {}
  when = "a == 1"
}

pipeline "words" {
  input "generator" {}
  brnach "a" {
    output "stdout" {}
  }
  route "b" {
    output "stdout" {}
  }
  output "stdout" {
    unmatched = "drop"
  }
}
