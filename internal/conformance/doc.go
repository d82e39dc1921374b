// Package conformance has tests only. They drive every operation of the Graph
// client against the simulated tenant, record what both say, and hold it
// against Microsoft's own metadata of Graph v1.0 (see csdl).
//
// The metadata is no part of this module: it is looked for at GRAPH_CSDL and in
// ../shared/graph-csdl beside the module, and where it is absent the tests say
// so and skip.
package conformance
