package graphsim

import (
	"container/heap"
	"time"
)

// schedule holds what Microsoft would complete later, by due time. It is
// guarded by the tenant's lock.
type schedule struct {
	items dueItems
	seq   uint64
}

type dueItem struct {
	at  time.Time
	seq uint64
	run func(at time.Time)
}

func (s *schedule) add(at time.Time, run func(at time.Time)) {
	s.seq++
	heap.Push(&s.items, dueItem{at: at, seq: s.seq, run: run})
}

func (s *schedule) ready(now time.Time) bool {
	return len(s.items) > 0 && !s.items[0].at.After(now)
}

// run executes what is due in order of due time, each as of its own due time,
// so that the outcome does not depend on when somebody looks.
func (s *schedule) run(now time.Time) {
	for s.ready(now) {
		item := heap.Pop(&s.items).(dueItem)
		item.run(item.at)
	}
}

type dueItems []dueItem

func (d dueItems) Len() int { return len(d) }
func (d dueItems) Less(i, j int) bool {
	if d[i].at.Equal(d[j].at) {
		return d[i].seq < d[j].seq
	}
	return d[i].at.Before(d[j].at)
}
func (d dueItems) Swap(i, j int) { d[i], d[j] = d[j], d[i] }
func (d *dueItems) Push(x any)   { *d = append(*d, x.(dueItem)) }
func (d *dueItems) Pop() any {
	last := len(*d) - 1
	item := (*d)[last]
	(*d)[last] = dueItem{}
	*d = (*d)[:last]
	return item
}
