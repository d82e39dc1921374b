package service

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.uber.org/zap"

	"tenure/internal/contract"
	"tenure/internal/webhook"
)

// Webhook is where notices are sent, and what they are signed with. Both come from the environment, where nobody else on
// the machine sees them.
type Webhook struct {
	// URL is the address; empty sends nothing.
	URL string
	// Secret is the secret, SecretFile a file that holds it. One of them is needed.
	Secret, SecretFile string
}

// WebhookFromEnvironment reads TENURE_WEBHOOK_URL and TENURE_WEBHOOK_SECRET or TENURE_WEBHOOK_SECRET_FILE.
func WebhookFromEnvironment() Webhook {
	return Webhook{URL: os.Getenv("TENURE_WEBHOOK_URL"), Secret: os.Getenv("TENURE_WEBHOOK_SECRET"), SecretFile: os.Getenv("TENURE_WEBHOOK_SECRET_FILE")}
}

// sender is nil when there is no webhook. Errors name the setting to mend, and show no secret.
func (w Webhook) sender() (*webhook.Sender, error) {
	switch {
	case w == Webhook{}:
		return nil, nil
	case w.URL == "":
		return nil, errors.New("the webhook has a secret and no address; set TENURE_WEBHOOK_URL too")
	case (w.Secret == "") == (w.SecretFile == ""):
		return nil, errors.New("the webhook (TENURE_WEBHOOK_URL) needs one secret; set TENURE_WEBHOOK_SECRET_FILE to a file that holds it, or TENURE_WEBHOOK_SECRET to the secret")
	}
	secret := w.Secret
	if w.SecretFile != "" {
		text, err := os.ReadFile(w.SecretFile)
		if err != nil {
			return nil, fmt.Errorf("TENURE_WEBHOOK_SECRET_FILE: %w", err)
		}
		secret = strings.TrimSpace(string(text))
	}
	return webhook.New(w.URL, secret)
}

// noticeInterval is how often is looked whether there are notices to deliver.
const noticeInterval = 2 * time.Second

// deliverNotices starts the delivery when there is something to deliver, until ctx ends. All workers do, and one delivery
// runs at a time: what it does not see any more the next one does.
func (s *Service) deliverNotices(ctx context.Context) {
	if s.acts.Webhook == nil {
		return
	}
	again := time.NewTicker(noticeInterval)
	defer again.Stop()
	for logged := ""; ; {
		err := s.deliverDue(ctx)
		if err != nil && ctx.Err() == nil && err.Error() != logged {
			logged = err.Error()
			s.log.Warn("notices are not delivered; the worker keeps trying", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-again.C:
		}
	}
}

// deliverDue waits for the delivery that it has started, or found under way.
func (s *Service) deliverDue(ctx context.Context) error {
	due, err := s.store.NoticesDue(ctx)
	if err != nil || !due {
		return err
	}
	run, err := s.temporal.ExecuteWorkflow(ctx, client.StartWorkflowOptions{
		ID: contract.DeliverNoticesID, TaskQueue: contract.TaskQueue, StaticSummary: "deliver notices to the webhook",
		WorkflowIDConflictPolicy: enums.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
	}, contract.DeliverNotices, contract.NoticesDelivered{})
	if err != nil {
		return err
	}
	return run.Get(ctx, nil)
}
