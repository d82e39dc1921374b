package csdl

import (
	"os"
	"path/filepath"
)

// graphSets are the roots of Microsoft Graph v1.0 that the extract is about.
var graphSets = map[string]string{
	"users":            "Collection(graph.user)",
	"groups":           "Collection(graph.group)",
	"subscribedSkus":   "Collection(graph.subscribedSku)",
	"directoryObjects": "Collection(graph.directoryObject)",
	"admin":            "graph.admin",
}

// Graph reads Microsoft's metadata from the file that GRAPH_CSDL names, or from
// shared/graph-csdl beside the module. It is no part of the module: an error
// that is fs.ErrNotExist means that there is nothing to compare with.
func Graph() (*Metadata, error) {
	path := os.Getenv("GRAPH_CSDL")
	if path == "" {
		root, err := moduleRoot()
		if err != nil {
			return nil, err
		}
		path = filepath.Join(root, "..", "shared", "graph-csdl", "v1.0-extract.xml")
	}
	return Load(path, graphSets)
}

// moduleRoot is the folder of go.mod above the working directory.
func moduleRoot() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		_, err := os.Stat(filepath.Join(folder, "go.mod"))
		if err == nil || filepath.Dir(folder) == folder {
			return folder, err
		}
		folder = filepath.Dir(folder)
	}
}
