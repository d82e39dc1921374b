package store

import "context"

// NumbersNamed is those of the listed numbers that are in the inventory of a tenant, sorted and without their history.
func (s *Store) NumbersNamed(ctx context.Context, tenant string, numbers []string) (list []Number, err error) {
	err = s.view(ctx, "read numbers", func(t *tx) error {
		list, err = t.listed(ctx, tenant, numbers)
		return err
	})
	return list, err
}
