test "a" {
  send = ["a"
  expect { output = 1 }
}
