env = { "no name" = "x" }

test "values" {
  time = "yesterday"
  wait = "-5s"
  send = { source = "app1" }
  message {
    body    = [1]
    headers = "x"
    repeat  = 0
  }
  message "named" {
    after = "soon"
  }
  fail "output" {
    times = 0
    only  = ["first"]
  }
  fail "output" {
    only = [7]
  }
  fail {}
  expect {
    output   = "many"
    fallback = -1
    output {
      keys    = [1]
      bodies  = "x"
      reasons = ["because"]
    }
    output {}
    dead_letter "x" {
      reasons = "x"
    }
  }
}

test "before the clock" {
  time = "1999-12-31T23:59:59Z"
  send = ["x"]
  fail "output" { only = [1] }
  expect { output = 0 }
}
