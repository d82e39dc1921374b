package graphsim

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"sync"
)

// compressedFrom is the size of a body from which on it is sent compressed to
// whoever accepts that.
const compressedFrom = 16 << 10

// acceptsGzip reads Accept-Encoding as far as Go's, Node's and Microsoft's
// clients write it: "gzip" in a list, unless its quality is zero.
func acceptsGzip(header http.Header) bool {
	for accepted := range strings.SplitSeq(strings.Join(header.Values("Accept-Encoding"), ","), ",") {
		name, quality, _ := strings.Cut(accepted, ";")
		if strings.EqualFold(strings.TrimSpace(name), "gzip") {
			return strings.Trim(strings.ReplaceAll(quality, " ", ""), "0.") != "q="
		}
	}
	return false
}

var compressors = sync.Pool{New: func() any {
	writer, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // the level exists
	return writer
}}

func compressed(body []byte) []byte {
	var packed bytes.Buffer
	writer := compressors.Get().(*gzip.Writer)
	defer compressors.Put(writer)
	writer.Reset(&packed)
	_, _ = writer.Write(body)
	_ = writer.Close()
	return packed.Bytes()
}
