package store_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"tenure/internal/lifecycle"
	"tenure/internal/store"
	"tenure/internal/store/storetest"
)

func TestNumbersNamed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, open func(...store.Option) *store.Store) {
		s := open()
		shelves(t, s)
		list, err := s.NumbersNamed(t.Context(), tenant, []string{"+105", "+999", "+102", "+105"})
		require.NoError(t, err)
		require.Len(t, list, 2)
		assert.Equal(t, "+102", list[0].Number)
		assert.Equal(t, lifecycle.Used, list[0].State)
		assert.Equal(t, lifecycle.HeldState, list[1].State)

		for _, numbers := range [][]string{nil, {"+999"}} {
			list, err = s.NumbersNamed(t.Context(), tenant, numbers)
			require.NoError(t, err)
			assert.Empty(t, list)
		}
		list, err = s.NumbersNamed(t.Context(), "another", []string{"+102"})
		require.NoError(t, err)
		assert.Empty(t, list)
	})
}
