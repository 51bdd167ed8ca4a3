// Package acks decides when the broker gets which ack. The ledger knows what may be acked, the acker what is worth it.
package acks
