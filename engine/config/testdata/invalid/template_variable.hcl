pipeline "logs" {
  input "generator" {}
  processor "batch" {
    partition_by = ["source", "kubernetes.namespace"]
  }
  output "s3" {
    bucket = "logs"
    key = "${batch.tiem}/${source}/${id}/${batch.partition.sorce}/${batch.partition}/${now}/${batch.id}/${batch.partition.kubernetes}"
  }
}
