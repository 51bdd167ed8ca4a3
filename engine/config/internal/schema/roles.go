package schema

import (
	"slices"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// roles in the order of the flow. A fallback and a dead letter stand beside each other, so either may come first.
var Roles = []engine.Role{engine.RoleInput, engine.RoleProcessor, engine.RoleOutput, engine.RoleFallback, engine.RoleDeadLetter}

// RoleBranch is that of a branch among the blocks of a pipeline: it stands where an output would.
const RoleBranch engine.Role = "branch"

// Rank is where a role stands in the order of a file.
func Rank(r engine.Role) int {
	if r == RoleBranch {
		r = engine.RoleOutput
	}
	return min(slices.Index(Roles, r), RankLast)
}

const RankLast = 3

// RolesIn are the blocks that a pipeline or a branch may have.
func RolesIn(kind string) []engine.Role {
	if kind == BlockBranch {
		return Roles[1:] // its messages come from the pipeline
	}
	return append(slices.Clone(Roles), RoleBranch)
}

// KindOf is the kind of plugin that a role takes.
func KindOf(r engine.Role) engine.Kind {
	switch r {
	case engine.RoleInput:
		return engine.KindInput
	case engine.RoleProcessor:
		return engine.KindProcessor
	}
	return engine.KindOutput
}

func rolesOf(k engine.Kind) []engine.Role {
	return slices.DeleteFunc(slices.Clone(Roles), func(r engine.Role) bool { return KindOf(r) != k })
}

// The engine's own attributes, by the block that they stand in.
type (
	OfPipeline struct {
		DrainTimeout time.Duration `hcl:"drain_timeout,optional" doc:"How long the pipeline may go on writing what it holds when it is told to end. What is left then is delivered again by its source."`
		Unmatched    string        `hcl:"unmatched,optional" values:"dead_letter,drop" doc:"What becomes of a message that no branch takes. It counts only with branches."`
	}
	OfBranch struct {
		When    engine.Condition `hcl:"when,optional" doc:"Which messages the branch takes. Without it, and without default, it takes all." example:"kind == 'audit'" asks:"checked"`
		Default bool             `hcl:"default,optional" doc:"Whether the branch takes what no other branch of the pipeline takes, in place of when."`
	}
	OfInput struct {
		MaxInFlight      int          `hcl:"max_in_flight,optional" doc:"How many messages of this input may be unsettled at once. Without it the number follows from what the pipeline can hold."`
		MaxInFlightBytes engine.Bytes `hcl:"max_in_flight_bytes,optional" doc:"How many bytes of this input may be unsettled at once. Without it the size follows from what the pipeline can hold."`
	}
	OfOutput struct {
		Workers int `hcl:"workers,optional" doc:"How many batches are written at once."`
	}
	OfFallback struct {
		Recover bool `hcl:"recover,optional" doc:"Whether what the fallback holds is brought to the output by itself when that is well again. Only a fallback file can give back what it took; what falls into others stays there."`
	}
	OfNone struct{}
)

const maxWorkers = 1024

// Validate finds a pool that cannot work, or that nobody meant.
func (a *OfOutput) Validate() error {
	if a.Workers < 1 || a.Workers > maxWorkers {
		return engine.AttrErrorf("workers", "must be between 1 and %d, not %d", maxWorkers, a.Workers)
	}
	return nil
}

// Validate finds a negative bound.
func (a *OfInput) Validate() error {
	if a.MaxInFlight < 0 {
		return engine.AttrErrorf("max_in_flight", "must be at least 1, or 0 to let it follow from the pipeline, not %d", a.MaxInFlight)
	}
	return nil
}

// PipelineAttributes returns a pointer to a struct with the attributes of a pipeline block, described by the same tags as a plugin's configuration and
// filled with the defaults.
func PipelineAttributes() any {
	return &OfPipeline{DrainTimeout: 30 * time.Second, Unmatched: UnmatchedDeadLetter}
}

// The values of unmatched.
const (
	UnmatchedDeadLetter = "dead_letter"
	UnmatchedDrop       = "drop"
)

// BranchAttributes is PipelineAttributes for a branch block.
func BranchAttributes() any { return &OfBranch{} }

// BlockAttributes is PipelineAttributes for the engine's own attributes on a block of a plugin.
func BlockAttributes(role engine.Role) any { return AttributesOf(role) }

// AttributesOf are the engine's own attributes on a block of a role, with their defaults.
func AttributesOf(role engine.Role) any {
	switch role {
	case engine.RoleInput:
		return &OfInput{}
	case engine.RoleOutput:
		return &OfOutput{Workers: 4}
	case engine.RoleFallback:
		return &OfFallback{Recover: true}
	}
	return &OfNone{}
}

// PlaceOf names the block that an attribute of the engine belongs in.
func PlaceOf(attr string) string {
	switch attr {
	case "drain_timeout", "unmatched":
		return "the pipeline block"
	case "when", "default":
		return "a branch block"
	case "max_in_flight", "max_in_flight_bytes":
		return "an input block"
	case "workers":
		return "the output block"
	case "recover":
		return "the fallback block"
	}
	return ""
}

const BlockPipeline = "pipeline"

const BlockBranch = "branch"

const BlockTest = "test"
