# logpipe test examples/file-to-http.hcl

env = {
  HTTP_URL   = "https://logs.example.com/v1/logs"
  HTTP_TOKEN = "secret"
}

test "lines are posted in order" {
  send = ["first line", "second line"]
  expect {
    output {
      keys   = ["https://logs.example.com/v1/logs"]
      bodies = ["first line", "second line"]
    }
  }
}

test "a line that the receiver refuses does not keep the others" {
  send = ["good", "far too large", "good, too"]
  fail "output" {
    only      = [1]
    permanent = true
    error     = "413 Request Entity Too Large"
  }
  expect {
    output {
      bodies = ["good", "good, too"]
    }
    dead_letter {
      bodies  = ["far too large"]
      reasons = ["413"]
      keys    = ["/var/lib/logpipe/ship-dead.ndjson"]
    }
  }
}

test "a receiver that is down is waited for" {
  send = ["a line"]
  fail "output" {
    times = 30
    error = "connection refused"
  }
  expect {
    output      = 1
    dead_letter = 0
  }
}
