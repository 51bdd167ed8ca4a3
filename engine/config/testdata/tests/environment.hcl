test "the environment is not read" {
  send = [env("HOME")]
  expect { output = 1 }
}
