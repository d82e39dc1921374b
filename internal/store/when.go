package store

import (
	"database/sql"
	"time"
)

// Times are stored as microseconds since 1970 in UTC: the same on both engines, and they sort.

func micros(t time.Time) int64 { return t.UnixMicro() }

func microsOrNull(t *time.Time) *int64 {
	if t == nil {
		return nil
	}
	m := micros(*t)
	return &m
}

func fromMicros(m int64) time.Time { return time.UnixMicro(m).UTC() }

func fromMicrosOrNull(m sql.NullInt64) *time.Time {
	if !m.Valid {
		return nil
	}
	t := fromMicros(m.Int64)
	return &t
}
