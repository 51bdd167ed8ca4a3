// Package intake reads: it opens inputs, admits what they give as far as their windows have room, tells sources what is settled, and
// opens inputs again that were lost.
//
// Here belongs what is about a source and its connection. Whether something can be written, before a lost input is opened again, is
// asked of package deliver.
package intake
