pipeline "größe" {}
