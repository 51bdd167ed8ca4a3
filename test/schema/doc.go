// Package schema checks the JSON schema of `logpipe plugins --schema` with a validator of JSON schemas. It is a module of its own, so that the
// validator is none of logpipe's dependencies.
package schema
