// Package endtoend tests the product as its users meet it: the tenure command, the worker and a simulated Microsoft 365
// tenant as processes of their own on a real Temporal server. Everything is steered and looked at through the outside
// contracts of architecture.md §5, and processes are killed for real.
//
// Tests wait for what they need with a deadline and never for a time; how long something takes is nothing they judge.
package endtoend
