package service

import (
	"context"

	"go.temporal.io/sdk/worker"

	"tenure/internal/pace"
)

// pacedTuner is the SDK's default tuner with activities at a local pace.
type pacedTuner struct {
	worker.WorkerTuner
	activities worker.SlotSupplier
}

func newPacedTuner(local *pace.Local) (worker.WorkerTuner, error) {
	standard, err := worker.NewFixedSizeTuner(worker.FixedSizeTunerOptions{})
	if err != nil {
		return nil, err
	}
	return &pacedTuner{standard, &pacedSlots{standard.GetActivityTaskSlotSupplier(), local}}, nil
}

// GetActivityTaskSlotSupplier implements worker.WorkerTuner.
func (t *pacedTuner) GetActivityTaskSlotSupplier() worker.SlotSupplier { return t.activities }

// pacedSlots hands out slots no faster than a local pace allows. A slot is reserved before a task is asked for, so
// what is held back stays at the server, where another worker may take it, and nothing waits inside an activity.
type pacedSlots struct {
	worker.SlotSupplier
	pace *pace.Local
}

// ReserveSlot implements worker.SlotSupplier.
func (s *pacedSlots) ReserveSlot(ctx context.Context, info worker.SlotReservationInfo) (*worker.SlotPermit, error) {
	if err := s.pace.Wait(ctx); err != nil {
		return nil, err
	}
	return s.SlotSupplier.ReserveSlot(ctx, info)
}
