package catalog

import (
	"iter"
	"slices"

	"tenure/internal/e164"
)

// NumberType is how a number reaches Teams (domain.md §2.2).
type NumberType string

// The types.
const (
	DirectRouting   NumberType = "directRouting"
	CallingPlan     NumberType = "callingPlan"
	OperatorConnect NumberType = "operatorConnect"
)

// NumberTypes are the types that exist.
func NumberTypes() []NumberType { return []NumberType{DirectRouting, CallingPlan, OperatorConnect} }

// NumberLoad is a block of numbers that applying the catalog adds where they are missing (R89).
type NumberLoad struct {
	// Node is the full path of the node that owns the numbers.
	Node string
	// From and To are plain E.164, both included; Count is how many numbers that is.
	From, To string
	Count    int
	Type     NumberType

	block e164.Block
}

// All yields the numbers one at a time, in order.
func (l NumberLoad) All() iter.Seq[string] { return l.block.All() }

// NumberLoads are the blocks in the order of the file. No number stands in two of them.
func (c *Catalog) NumberLoads() []NumberLoad { return slices.Clone(c.numbers) }

func (p *parsing) readNumbers(items []spot) {
	for _, s := range items {
		fields, ok := p.mapping(s, "node", "range", "type")
		if !ok {
			continue
		}
		p.need(s, fields, "node", "range", "type")
		var l NumberLoad
		at, has := fields["node"]
		if n := p.node(at, has); n != nil {
			l.Node = n.path
		}
		at, has = fields["type"]
		l.Type, _ = choice(p.reader, at, has, NumberTypes()...)
		at, has = fields["range"]
		if !has {
			continue
		}
		if at.kind != text && at.kind != integer {
			p.at(at, "%s; a range like \"+442079460000..+442079460019\" belongs here", at.is())
			continue
		}
		block, err := e164.ParseRange(at.text)
		if err != nil {
			p.at(at, "%s; accepted: a range like \"+442079460000..+442079460019\"", err)
			continue
		}
		for _, other := range p.c.numbers {
			// R81: a number stands at one node only.
			if other.block.Overlaps(block) {
				p.at(at, "%s overlaps %s, which is loaded at %s", block, other.block, other.Node)
			}
		}
		l.block, l.From, l.To, l.Count = block, block.From, block.To, block.Count
		p.c.numbers = append(p.c.numbers, l)
	}
}
