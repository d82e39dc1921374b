package watch

import (
	"fmt"
	"sync"

	"tenure/internal/lifecycle"
	"tenure/starter/output"
)

// Board redraws several runs in place on a terminal, a line for each and another one for what stands in its way. Its views
// may be used at once.
type Board struct {
	mu      sync.Mutex
	live    Live
	moments []Moment
	names   []string
	open    int
}

// NewBoard makes a board of runs by what they are called until they say more. At the end it is erased: what is printed then
// says the same.
func NewBoard(talk output.Paper, names []string) *Board {
	return &Board{live: Live{Talk: talk, Erase: true}, moments: make([]Moment, len(names)), names: names, open: len(names)}
}

// View shows the run of that index.
func (b *Board) View(i int) View { return place{b, i} }

type place struct {
	board *Board
	at    int
}

func (p place) Show(m Moment) {
	b := p.board
	b.mu.Lock()
	defer b.mu.Unlock()
	b.moments[p.at] = m
	b.live.draw(b.lines())
}

func (p place) Close() {
	b := p.board
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open--; b.open == 0 {
		b.live.Close()
	}
}

func (b *Board) lines() (lines []string) {
	talk := b.live.Talk
	for i, m := range b.moments {
		step, more := m.current()
		lasting := ""
		if step.Name != "" {
			lasting = lasted(step, m.Now)
		}
		lines = append(lines, talk.RunRow(m.Report, b.names[i], step.Name, more, lasting))
		remark := m.retrying(step)
		if m.Notice != "" {
			remark = m.Notice
		}
		if remark != "" {
			lines = append(lines, talk.Yellow(output.Cut("    ! "+output.Plain(remark), talk.Columns-1)))
		}
	}
	return lines
}

// current is the first step that is going on, one that is being retried before others, and how many others are.
func (m Moment) current() (current lifecycle.Step, more string) {
	going := 0
	for _, s := range m.Report.Steps {
		if !output.Started(s) {
			continue
		}
		if going++; going == 1 || (m.retrying(current) == "" && m.retrying(s) != "") {
			current = s
		}
	}
	if going > 1 {
		more = fmt.Sprintf(" +%d", going-1)
	}
	return current, more
}
