// Package replay keeps running workflows safe across releases: its test replays every committed history against
// today's code. Histories are recorded from real runs by `make histories`.
package replay
