// A generation from Go, by the documented names alone: no code of this project, the plain Temporal SDK.
//
//	cd examples/go && go build -o generation .
//	./generation order KEY [PROMPT]                            # start it, or attach to it, and await its end
//	./generation await KEY                                     # attach to what was started before, and await its end
//	./generation state KEY                                     # where it stands; answers after its end too
//	./generation nudge KEY                                     # have its status read now instead of when it is due
//	./generation cancel KEY [REASON]                           # by update; left as a signal where no worker answers
//	./generation resolve KEY adopt REQUEST|resubmit|abandon    # decide about a submission whose outcome is unknown
//
// Needs Temporal and a worker, as example 01 says. TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and profiles are read by
// envconfig. Ends with 0 when the generation succeeded or the message was taken, else with 1.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"slices"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/temporal"
)

const usage = "usage: generation order|await|state|nudge|cancel|resolve KEY [MORE]"

// What is used here of the documented shapes; docs/schemas has all of them. Fields that are not named are ignored.
type (
	request struct {
		Model      string            `json:"model"`
		Input      map[string]string `json:"input"`
		DeadlineMs int64             `json:"deadlineMs,omitempty"`
	}
	result struct {
		RequestID string
		Output    struct{ Images, Videos, Audios []string }
	}
	state struct {
		Phase, Submission, RequestID string
		Cancel                       struct{ Outcome string }
	}
	failureDetails struct {
		Submission, RequestID string
		Issues                []struct{ Path, Message string }
	}
	cancelMessage struct {
		Reason string `json:"reason,omitempty"`
	}
	resolution struct {
		Action    string `json:"action"`
		RequestID string `json:"requestId,omitempty"`
	}
)

type generations struct{ temporal client.Client }

// order starts the generation of this key, or attaches to it, also once it has ended: with these two policies never a
// second submit.
func (g generations) order(ctx context.Context, key, prompt string) (bool, error) {
	input := map[string]string{}
	if prompt != "" {
		input["prompt"] = prompt
	}
	run, err := g.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID:                       key,
		TaskQueue:                "runcomfy",
		WorkflowIDReusePolicy:    enums.WORKFLOW_ID_REUSE_POLICY_REJECT_DUPLICATE,
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, "runcomfyGeneration", request{
		Model:      "blackforestlabs/flux-2-klein/4b/text-to-image",
		Input:      input,
		DeadlineMs: (30 * time.Minute).Milliseconds(),
	})
	if err != nil {
		return false, err
	}
	fmt.Println("key", run.GetID())
	return g.await(ctx, run)
}

// await tells how a generation ended, whenever that was.
func (g generations) await(ctx context.Context, run client.WorkflowRun) (bool, error) {
	var done result
	err := run.Get(ctx, &done)
	if err == nil {
		fmt.Println("succeeded", done.RequestID)
		for _, url := range slices.Concat(done.Output.Images, done.Output.Videos, done.Output.Audios) {
			fmt.Println("output", url)
		}
		return true, nil
	}
	var failure *temporal.ApplicationError
	if errors.As(err, &failure) {
		// Branch on the type; the first detail says what is known of the request and whether anything was sent.
		var details failureDetails
		if err := failure.Details(&details); err != nil {
			return false, err
		}
		fmt.Println("failed", failure.Type(), details.Submission, details.RequestID)
		for _, issue := range details.Issues {
			fmt.Println("issue", issue.Path, issue.Message)
		}
		return false, nil
	}
	var canceled *temporal.CanceledError
	if errors.As(err, &canceled) {
		// Ended by the cancellation of its workflow, which carries no details.
		last, err := g.query(ctx, run.GetID())
		fmt.Println("cancelled", last.Cancel.Outcome)
		return false, err
	}
	return false, err
}

// query asks where a generation stands. Needs a worker.
func (g generations) query(ctx context.Context, key string) (current state, err error) {
	ctx, stop := context.WithTimeout(ctx, 15*time.Second)
	defer stop()
	answer, err := g.temporal.QueryWorkflow(ctx, key, "", "state")
	if err == nil {
		err = answer.Get(&current)
	}
	return current, err
}

func (g generations) tellState(ctx context.Context, key string) (bool, error) {
	current, err := g.query(ctx, key)
	if err != nil {
		return false, err
	}
	fmt.Println("phase", current.Phase)
	fmt.Println("submission", current.Submission, current.RequestID)
	return true, nil
}

// cancel asks RunComfy to stop, and tells what came of it.
func (g generations) cancel(ctx context.Context, key, reason string) (bool, error) {
	var reply struct{ Outcome string }
	err := g.update(ctx, key, "cancel", cancelMessage{reason}, &reply)
	if err == nil {
		fmt.Println("cancel", reply.Outcome)
		return true, nil
	}
	if !isNotFound(err) {
		// No worker answered. A signal needs none: it is stored, and the wish is granted when one is back.
		err = g.temporal.SignalWorkflow(ctx, key, "", "cancel", cancelMessage{reason})
		if err == nil {
			fmt.Println("cancel unknown, left for a worker")
			return true, nil
		}
	}
	if isNotFound(err) {
		// A generation that has ended takes no updates and no signals; its state stays, and an unknown key has none.
		if _, err := g.query(ctx, key); err != nil {
			return false, err
		}
		fmt.Println("cancel too_late")
		return true, nil
	}
	return false, err
}

// resolve decides about a submission whose outcome is unknown; refused unless that is so.
func (g generations) resolve(ctx context.Context, key string, decision resolution) (bool, error) {
	var reply struct{ Phase, Failure string }
	err := g.update(ctx, key, "resolveSubmission", decision, &reply)
	var refusal *temporal.ApplicationError
	if errors.As(err, &refusal) {
		fmt.Println("refused", refusal.Type(), refusal.Message())
		return false, nil
	}
	if err != nil {
		return false, err
	}
	fmt.Println("phase", reply.Phase)
	if reply.Failure != "" {
		fmt.Println("failure", reply.Failure)
	}
	return true, nil
}

// update sends an update: a worker has 15 seconds to take it, the generation two minutes to answer.
func (g generations) update(ctx context.Context, key, name string, message, reply any) error {
	taking, stop := context.WithTimeout(ctx, 15*time.Second)
	defer stop()
	taken, err := g.temporal.UpdateWorkflow(taking, client.UpdateWorkflowOptions{
		WorkflowID:   key,
		UpdateName:   name,
		Args:         []any{message},
		WaitForStage: client.WorkflowUpdateStageAccepted,
	})
	if err != nil {
		return err
	}
	answering, stop := context.WithTimeout(ctx, 2*time.Minute)
	defer stop()
	return taken.Get(answering, reply)
}

func isNotFound(err error) bool {
	var notFound *serviceerror.NotFound
	return errors.As(err, &notFound)
}

func (g generations) run(ctx context.Context, command, key string, more []string) (bool, error) {
	if command == "order" && len(more) == 0 {
		more = []string{"A lighthouse at dusk, oil on canvas"}
	}
	// What is left out is empty.
	more = append(more, "", "")
	switch command {
	case "order":
		return g.order(ctx, key, more[0])
	case "await":
		return g.await(ctx, g.temporal.GetWorkflow(ctx, key, ""))
	case "state":
		return g.tellState(ctx, key)
	case "nudge":
		err := g.temporal.SignalWorkflow(ctx, key, "", "nudge", nil)
		return err == nil, err
	case "cancel":
		return g.cancel(ctx, key, more[0])
	case "resolve":
		return g.resolve(ctx, key, resolution{Action: more[0], RequestID: more[1]})
	}
	return false, errors.New(usage)
}

func main() {
	log.SetFlags(0)
	if len(os.Args) < 3 {
		log.Fatal(usage)
	}
	options, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		log.Fatal(err)
	}
	slog.SetLogLoggerLevel(slog.LevelWarn)
	options.Logger = sdklog.NewStructuredLogger(slog.Default())
	connection, err := client.Dial(options)
	if err != nil {
		log.Fatal(err)
	}
	defer connection.Close()
	isDone, err := generations{connection}.run(context.Background(), os.Args[1], os.Args[2], os.Args[3:])
	if err != nil {
		log.Fatal(err)
	}
	if !isDone {
		os.Exit(1)
	}
}
