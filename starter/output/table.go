package output

import "strings"

// Column is a column of a table. On a terminal that is too narrow, optional columns are left out, the last one first,
// and then flexible ones are cut.
type Column struct {
	Title    string
	Optional bool
	Flexible bool
}

// narrowest is how far a flexible column is cut at most.
const narrowest = 8

// gap is between two columns.
const gap = 2

// Cell is a text and how to color it; a nil Paint leaves it as it is.
type Cell struct {
	Text  string
	Paint func(string) string
}

// Text makes a plain cell.
func Text(text string) Cell { return Cell{Text: text} }

// Table prints rows under a heading. Every row has a cell for each column.
func (p Paper) Table(columns []Column, rows [][]Cell) {
	widths := make([]int, len(columns))
	for i, c := range columns {
		widths[i] = Width(c.Title)
	}
	for _, row := range rows {
		for i := range row {
			row[i].Text = Plain(row[i].Text)
			widths[i] = max(widths[i], Width(row[i].Text))
		}
	}
	shown := p.fit(columns, widths)
	titles := make([]Cell, len(columns))
	for i, c := range columns {
		titles[i] = Cell{Text: c.Title, Paint: p.Dim}
	}
	p.row(titles, shown, widths)
	for _, row := range rows {
		p.row(row, shown, widths)
	}
}

func (p Paper) row(cells []Cell, shown, widths []int) {
	var line strings.Builder
	for n, i := range shown {
		text := Cut(cells[i].Text, widths[i])
		fill := strings.Repeat(" ", widths[i]-Width(text)+gap)
		if n == len(shown)-1 {
			fill = ""
		}
		if paint := cells[i].Paint; paint != nil {
			text = paint(text)
		}
		line.WriteString(text + fill)
	}
	p.Line("%s", strings.TrimRight(line.String(), " "))
}

// fit chooses the columns that are shown and narrows widths in place.
func (p Paper) fit(columns []Column, widths []int) (shown []int) {
	total := -gap
	for i := range columns {
		shown = append(shown, i)
		total += widths[i] + gap
	}
	if p.Columns == 0 {
		return shown
	}
	for n := len(shown) - 1; n >= 0 && total > p.Columns; n-- {
		if i := shown[n]; columns[i].Optional {
			total -= widths[i] + gap
			shown = append(shown[:n], shown[n+1:]...)
		}
	}
	for total > p.Columns {
		widest := -1
		for _, i := range shown {
			if columns[i].Flexible && widths[i] > narrowest && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			break
		}
		widths[widest]--
		total--
	}
	return shown
}
