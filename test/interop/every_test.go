//go:build interop

package interop

import "testing"

// The product of all writers, places and readers. If it fails, somebody's messages lose what they carry, or change it.
func TestEveryClientReadsWhatOthersWrote(t *testing.T) { newStage(t).product(t) }
