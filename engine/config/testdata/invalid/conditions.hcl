# env: LEVEL=debug
pipeline "logs" {
  input "generator" {}
  processor "filter" {
    keep = "level = 'debug'"
    drop = "grüße == '✓' && lowr(level) == \"x\" && \\ "
  }
  processor "filter" {
    keep = "lowr(level) == \"a\tb\" && now() > message.time"
    rule {
      when = "level == '${env("LEVEL")}' && level.lower()"
    }
    rule {
      when = <<-EOT
        level == 'debug' &&
          message.bdy contains "\d" ||
          (status >= 500
      EOT
    }
    rule {
      when = <<-EOT
        level == 'debug' &&
          message.bdy contains 'x'
      EOT
    }
    rule { when = ""  }
    rule { when = 5  }
    rule { when = ["a"]  }
    rule { when = "'$${level}' == level && 'a' > 1"  }
    rule { when = "level == 'debug' &&"  }
    rule {}
  }
  output "stdout" {}
}
