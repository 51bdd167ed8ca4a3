pipeline "nothing_takes_it" {
  input "generator" {}
  branch "a" {
    when = "kind == 'a'"
    output "stdout" {}
  }
}

pipeline "nothing_ever_takes_it" {
  input "generator" {}
  branch "a" {
    when = "1 > 2"
    output "stdout" {}
  }
}

pipeline "no_answer" {
  unmatched = "drop"
  input "generator" {}
  branch "a" {
    when = "status >= 500"
    output "stdout" {}
  }
}

pipeline "both" {
  input "generator" {}
  branch "a" {
    when    = "kind == 'a'"
    default = true
    output "stdout" {}
  }
  branch "b" {
    default = true
    output "stdout" {}
  }
  dead_letter "stdout" {}
}

pipeline "unreachable" {
  unmatched = "drop"
  input "generator" {}
  branch "all" {
    output "stdout" {}
  }
  branch "rest" {
    default = true
    output "stdout" {}
  }
}

pipeline "constant" {
  input "generator" {}
  branch "all" {
    when = "1 < 2"
    output "stdout" {}
  }
}

pipeline "none" {
  unmatched = "reject"
  input "generator" {}
  branch "wrong" {
    when = "kind = 'a'"
    output "stdout" {}
  }
  dead_letter "stdout" {}
}

pipeline "no_branches" {
  unmatched = "dead_letter"
  input "generator" {}
  output "stdout" {}
}
