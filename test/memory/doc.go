// Package memory holds the bound that docs/operations.md states of a process's memory against the real program: a real RabbitMQ, a real S3
// server, bodies from 250 B to 16 MiB, and what makes a pipeline hold as much as it may. The kernel's own peak (VmHWM) counts, from the
// start of the process to its end.
//
// The cells that cost little run with all tests; make memory runs every cell and prints the table.
package memory
