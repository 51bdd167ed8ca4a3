package config

import (
	"slices"
	"time"

	"github.com/logpipe/logpipe/engine"
)

// roles in the order of the flow. A fallback and a dead letter stand beside each other, so either may come first.
var roles = []engine.Role{engine.RoleInput, engine.RoleProcessor, engine.RoleOutput, engine.RoleFallback, engine.RoleDeadLetter}

// roleBranch is that of a branch among the blocks of a pipeline: it stands where an output would.
const roleBranch engine.Role = "branch"

func rank(r engine.Role) int {
	if r == roleBranch {
		r = engine.RoleOutput
	}
	return min(slices.Index(roles, r), rankLast)
}

const rankLast = 3

// rolesIn are the blocks that a pipeline or a branch may have.
func rolesIn(kind string) []engine.Role {
	if kind == blockBranch {
		return roles[1:] // its messages come from the pipeline
	}
	return append(slices.Clone(roles), roleBranch)
}

func kindOf(r engine.Role) engine.Kind {
	switch r {
	case engine.RoleInput:
		return engine.KindInput
	case engine.RoleProcessor:
		return engine.KindProcessor
	}
	return engine.KindOutput
}

func rolesOf(k engine.Kind) []engine.Role {
	return slices.DeleteFunc(slices.Clone(roles), func(r engine.Role) bool { return kindOf(r) != k })
}

// The engine's own attributes, by the block that they stand in.
type (
	pipelineAttributes struct {
		DrainTimeout time.Duration `hcl:"drain_timeout,optional" doc:"How long the pipeline may go on writing what it holds when it is told to end. What is left then is delivered again by its source."`
		Unmatched    string        `hcl:"unmatched,optional" values:"dead_letter,drop" doc:"What becomes of a message that no branch takes. It counts only with branches."`
	}
	branchAttributes struct {
		When    engine.Condition `hcl:"when,optional" doc:"Which messages the branch takes. Without it, and without default, it takes all." example:"kind == 'audit'"`
		Default bool             `hcl:"default,optional" doc:"Whether the branch takes what no other branch of the pipeline takes, in place of when."`
	}
	inputAttributes struct {
		MaxInFlight      int          `hcl:"max_in_flight,optional" doc:"How many messages of this input may be unsettled at once. Without it the number follows from what the pipeline can hold."`
		MaxInFlightBytes engine.Bytes `hcl:"max_in_flight_bytes,optional" doc:"How many bytes of this input may be unsettled at once. Without it the size follows from what the pipeline can hold."`
	}
	outputAttributes struct {
		Workers int `hcl:"workers,optional" doc:"How many batches are written at once."`
	}
	fallbackAttributes struct {
		Recover bool `hcl:"recover,optional" doc:"Whether what the fallback holds is brought to the output by itself when that is well again. Only a fallback file can give back what it took; what falls into others stays there."`
	}
	noAttributes struct{}
)

const maxWorkers = 1024

// Validate finds a pool that cannot work, or that nobody meant.
func (a *outputAttributes) Validate() error {
	if a.Workers < 1 || a.Workers > maxWorkers {
		return engine.AttrErrorf("workers", "must be between 1 and %d, not %d", maxWorkers, a.Workers)
	}
	return nil
}

// Validate finds a negative bound.
func (a *inputAttributes) Validate() error {
	if a.MaxInFlight < 0 {
		return engine.AttrErrorf("max_in_flight", "must be at least 1, or 0 to let it follow from the pipeline, not %d", a.MaxInFlight)
	}
	return nil
}

// PipelineAttributes returns a pointer to a struct with the attributes of a pipeline block, described by the same tags as a plugin's configuration and
// filled with the defaults.
func PipelineAttributes() any {
	return &pipelineAttributes{DrainTimeout: 30 * time.Second, Unmatched: unmatchedDeadLetter}
}

// The values of unmatched.
const (
	unmatchedDeadLetter = "dead_letter"
	unmatchedDrop       = "drop"
)

// BranchAttributes is PipelineAttributes for a branch block.
func BranchAttributes() any { return &branchAttributes{} }

// BlockAttributes is PipelineAttributes for the engine's own attributes on a block of a plugin.
func BlockAttributes(role engine.Role) any { return attributesOf(role) }

func attributesOf(role engine.Role) any {
	switch role {
	case engine.RoleInput:
		return &inputAttributes{}
	case engine.RoleOutput:
		return &outputAttributes{Workers: 4}
	case engine.RoleFallback:
		return &fallbackAttributes{Recover: true}
	}
	return &noAttributes{}
}

// placeOf names the block that an attribute of the engine belongs in.
func placeOf(attr string) string {
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

const blockPipeline = "pipeline"

const blockBranch = "branch"

const blockTest = "test"
