package graph

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/microsoftgraph/msgraph-sdk-go/models"
	"github.com/microsoftgraph/msgraph-sdk-go/users"

	"tenure/internal/fault"
	"tenure/internal/lifecycle"
)

// skuLifetime is how long the tenant's list of SKUs is kept. A user with a SKU that it lacks causes a new reading.
const skuLifetime = 5 * time.Minute

// SKU is a product that the tenant has subscribed to.
type SKU struct {
	ID         string
	PartNumber string
	// Enabled and Consumed are units; those in their grace period count as enabled.
	Enabled      int
	Consumed     int
	ServicePlans []ServicePlan
}

// ServicePlan is a part of a product. Status is set for a user's licenses only.
type ServicePlan struct {
	ID     string
	Name   string
	Status string
}

// LicenseDetail is a product that a user holds and how far its parts are provisioned. Whether it is held directly
// or by a group it does not say; User does.
type LicenseDetail struct {
	SKUID        string
	SKU          string
	ServicePlans []ServicePlan
}

var (
	opSKUs      = operation{"GET /subscribedSkus", "listing the tenant's licenses", "LicenseAssignment.Read.All or Organization.Read.All"}
	opLicenses  = operation{"POST /users/{id}/assignLicense", "changing the licenses", "LicenseAssignment.ReadWrite.All"}
	opReprocess = operation{"POST /users/{id}/reprocessLicenseAssignment", "reprocessing the licenses", "LicenseAssignment.ReadWrite.All"}
	opDetails   = operation{"GET /users/{id}/licenseDetails", "reading the license details", "LicenseAssignment.Read.All or User.Read.All"}
)

// skuList is the cached list with what is known not to be in it.
type skuList struct {
	skus   []SKU
	names  map[string]string
	absent map[string]bool
}

// SKUs lists the tenant's products, sorted by part number. The answer is kept for five minutes, so the units are
// good for display and not for decisions: whether one is left only ChangeLicenses finds out. The result is shared;
// do not change it. Permission: LicenseAssignment.Read.All or Organization.Read.All.
func (c *Client) SKUs(ctx context.Context) ([]SKU, error) {
	list, err := c.skus.get(ctx, "", c.readSKUs)
	return list.skus, err
}

// RecountSKUs is SKUs with the units of this moment.
func (c *Client) RecountSKUs(ctx context.Context) ([]SKU, error) {
	list, err := c.skus.reload(ctx, "", c.readSKUs)
	return list.skus, err
}

func (c *Client) readSKUs(ctx context.Context) (skuList, error) {
	var list skuList
	err := c.call(ctx, opSKUs, func(ctx context.Context) error {
		answer, err := c.subscribedSKUs().Get(ctx, nil)
		if err != nil {
			return err
		}
		if answer == nil || answer.GetValue() == nil {
			return errNothing
		}
		list = skuList{names: map[string]string{}, absent: map[string]bool{}}
		for _, s := range answer.GetValue() {
			if s == nil {
				continue
			}
			sku := SKU{ID: id(s.GetSkuId()), PartNumber: text(s.GetSkuPartNumber()), Consumed: count(s.GetConsumedUnits()), ServicePlans: servicePlans(s.GetServicePlans())}
			if units := s.GetPrepaidUnits(); units != nil {
				sku.Enabled = count(units.GetEnabled()) + count(units.GetWarning())
			}
			list.skus = append(list.skus, sku)
			list.names[sku.ID] = sku.PartNumber
		}
		slices.SortFunc(list.skus, func(a, b SKU) int {
			return cmp.Or(cmp.Compare(a.PartNumber, b.PartNumber), cmp.Compare(a.ID, b.ID))
		})
		return nil
	})
	return list, err
}

// nameSKUs writes part numbers into the records. The list is read once more when it lacks one; what is missing
// then keeps its id as name, and is not asked for again while the list is kept.
func (c *Client) nameSKUs(ctx context.Context, records ...*UserRecord) error {
	if !slices.ContainsFunc(records, func(r *UserRecord) bool { return len(r.Licenses) > 0 }) {
		return nil
	}
	list, err := c.skus.get(ctx, "", c.readSKUs)
	if err != nil {
		return err
	}
	missing := map[string]bool{}
	for _, r := range records {
		for _, l := range r.Licenses {
			if _, known := list.names[l.SKUID]; !known && !list.absent[l.SKUID] {
				missing[l.SKUID] = true
			}
		}
	}
	if len(missing) > 0 {
		list, err = c.skus.reload(ctx, "", func(ctx context.Context) (skuList, error) {
			fresh, err := c.readSKUs(ctx)
			if err != nil {
				return skuList{}, err
			}
			for sku := range missing {
				fresh.absent[sku] = fresh.names[sku] == ""
			}
			return fresh, nil
		})
		if err != nil {
			return err
		}
	}
	for _, r := range records {
		for i, l := range r.Licenses {
			r.Licenses[i].SKU = l.SKUID
			if name := list.names[l.SKUID]; name != "" {
				r.Licenses[i].SKU = name
			}
		}
	}
	return nil
}

// ChangeLicenses adds and removes direct licenses in one request, all or nothing. Adding a license that is held
// replaces its disabled plans. Removing one that is not held fails the whole change with CodeLicenseNotHeld: read
// the user again and compute the difference anew. Nothing to add and to remove is a success without a request.
// Permission: LicenseAssignment.ReadWrite.All.
func (c *Client) ChangeLicenses(ctx context.Context, userID string, add []lifecycle.LicenseChange, remove []string) error {
	if len(add) == 0 && len(remove) == 0 {
		return nil
	}
	if err := required(opLicenses, userID); err != nil {
		return err
	}
	skus := make([]uuid.UUID, len(add))
	disabled := make([][]uuid.UUID, len(add))
	for i, l := range add {
		one, err := uuids([]string{l.SKUID})
		if err != nil {
			return err
		}
		skus[i] = one[0]
		if disabled[i], err = uuids(l.DisabledPlans); err != nil {
			return err
		}
	}
	gone, err := uuids(remove)
	if err != nil {
		return err
	}
	return c.call(ctx, opLicenses, func(ctx context.Context) error {
		additions := make([]models.AssignedLicenseable, len(add))
		for i := range add {
			l := models.NewAssignedLicense()
			l.SetSkuId(&skus[i])
			l.SetDisabledPlans(disabled[i])
			additions[i] = l
		}
		// Both lists are always sent: Graph takes a missing one for a malformed request. Empty, not nil, is what
		// the SDK writes as [].
		body := users.NewItemAssignLicensePostRequestBody()
		body.SetAddLicenses(additions)
		body.SetRemoveLicenses(gone)
		_, err := c.users().ByUserId(userID).AssignLicense().Post(ctx, body, nil)
		return err
	})
}

func uuids(values []string) ([]uuid.UUID, error) {
	out := make([]uuid.UUID, len(values))
	for i, v := range values {
		u, err := uuid.Parse(v)
		if err != nil {
			return nil, fault.New(fault.InvalidRequest, "%s: %q is not the id of a SKU or service plan", opLicenses.doing, v)
		}
		out[i] = u
	}
	return out, nil
}

// ReprocessLicenses makes Microsoft evaluate the group licenses of the user again. It may fail with the business
// rules of ChangeLicenses. Permission: LicenseAssignment.ReadWrite.All.
func (c *Client) ReprocessLicenses(ctx context.Context, userID string) error {
	if err := required(opReprocess, userID); err != nil {
		return err
	}
	return c.call(ctx, opReprocess, func(ctx context.Context) error {
		_, err := c.users().ByUserId(userID).ReprocessLicenseAssignment().Post(ctx, nil)
		return err
	})
}

// LicenseDetails reads the products of a user and how far they are provisioned, sorted by SKU id.
// Permission: LicenseAssignment.Read.All or User.Read.All.
func (c *Client) LicenseDetails(ctx context.Context, userID string) ([]LicenseDetail, error) {
	if err := required(opDetails, userID); err != nil {
		return nil, err
	}
	var details []LicenseDetail
	err := c.call(ctx, opDetails, func(ctx context.Context) error {
		answer, err := c.users().ByUserId(userID).LicenseDetails().Get(ctx, nil)
		if err != nil {
			return err
		}
		if answer == nil || answer.GetValue() == nil {
			return errNothing
		}
		details = nil
		for _, d := range answer.GetValue() {
			if d != nil {
				details = append(details, LicenseDetail{SKUID: id(d.GetSkuId()), SKU: text(d.GetSkuPartNumber()), ServicePlans: servicePlans(d.GetServicePlans())})
			}
		}
		slices.SortFunc(details, func(a, b LicenseDetail) int { return cmp.Compare(a.SKUID, b.SKUID) })
		return nil
	})
	return details, err
}

func servicePlans(plans []models.ServicePlanInfoable) []ServicePlan {
	var out []ServicePlan
	for _, p := range plans {
		if p != nil {
			out = append(out, ServicePlan{ID: id(p.GetServicePlanId()), Name: text(p.GetServicePlanName()), Status: text(p.GetProvisioningStatus())})
		}
	}
	return out
}
