envs = {}

tset "a" {}

test "an outage" {
  pipline = "logs"
  sent    = []
  fail "outptu" {
    time = 3
  }
  failed "output" {}
  expct {
    output = 1
  }
  expect {
    outputs  = 1
    dead     = 2
    fallbak { messages = 1 }
    output {
      body    = []
      message = 1
    }
  }
}
