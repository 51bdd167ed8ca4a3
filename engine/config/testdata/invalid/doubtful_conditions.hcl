pipeline "p" {
  input "generator" {}

  processor "filter" {
    keep = "level == error"
  }
  processor "filter" {
    keep = "http-status == 500 && env == PROD"
  }
  processor "filter" {
    drop = <<-END
      level == 'debug'
      && level == 'trace'
    END
  }
  processor "filter" {
    keep = "'level' == 'error'"
  }

  output "stdout" {}
}
