// Package foreign has tests only. They drive the simulated tenant with a client
// that nobody here wrote: the default client of Microsoft's Go SDK.
//
// The default client is what msgraph-sdk-go makes when it is given nothing but
// a credential: its request adapter with its default HTTP client and middleware
// (retries, compressed request bodies, redirects, telemetry, in random order),
// its default serializers and its Azure Identity authentication. The type
// GraphServiceClient of the SDK's root package adds nothing to these but the
// table of builders, and importing it compiles the whole of Graph, minutes on a
// small machine. So the parts are put together here as NewGraphServiceClient
// does it, with the builders of the sub-packages.
package foreign
