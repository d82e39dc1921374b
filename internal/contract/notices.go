package contract

// DeliverNotices is the workflow that delivers notices to the webhook, and DeliverNoticesID the id of its one run.
const (
	DeliverNotices   = "DeliverNotices"
	DeliverNoticesID = "tenure/" + DeliverNotices
)

// NoticesDelivered counts notices that the receiver took, and those that were given up.
type NoticesDelivered struct {
	Delivered int `json:"delivered"`
	GivenUp   int `json:"givenUp"`
}
