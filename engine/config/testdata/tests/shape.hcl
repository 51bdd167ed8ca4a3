pipeline "logs" {}

x = 1

test {
  send = ["a"]
  expect { output = 1 }
}

test "twice" {
  send = ["a"]
  expect { output = 1 }
}

test "twice" {
  send = ["a"]
  expect { output = 1 }
  expect { output = 2 }
}

test "without" {
  send = ["a"]
}

test "empty" {
  send = ["a"]
  expect {}
}

test "silent" {
  expect { output = 0 }
}
