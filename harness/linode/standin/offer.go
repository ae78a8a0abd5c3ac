package standin

import (
	"net/http"
	"slices"
)

// What the API offers: regions, plans and images. The keys are the API's, so are the prices of the plans (US dollars);
// which region has which capability is ours, so that there is one of each sort to test against.

type region struct {
	ID             string           `json:"id"`
	Label          string           `json:"label"`
	Country        string           `json:"country"`
	Capabilities   []string         `json:"capabilities"`
	Monitors       regionMonitors   `json:"monitors"`
	Status         string           `json:"status"`
	Resolvers      regionResolvers  `json:"resolvers"`
	PlacementLimit regionPlacements `json:"placement_group_limits"`
	SiteType       string           `json:"site_type"`
}

type regionMonitors struct {
	Alerts  []string `json:"alerts"`
	Metrics []string `json:"metrics"`
}

type regionResolvers struct {
	IPv4 string `json:"ipv4"`
	IPv6 string `json:"ipv6"`
}

type regionPlacements struct {
	Groups   int `json:"maximum_pgs_per_customer"`
	Strict   int `json:"maximum_linodes_per_pg"`
	Flexible int `json:"maximum_linodes_per_flexible_pg"`
}

// Capabilities of regions, in the API's words.
const (
	hasLinodes   = "Linodes"
	hasMetadata  = "Metadata"
	hasVPCs      = "VPCs"
	hasFirewall  = "Cloud Firewall"
	hasPlacement = "Placement Group"
	hasBalancers = "NodeBalancers"
)

func newRegion(id, label, country string, capabilities ...string) *region {
	return &region{
		ID: id, Label: label, Country: country, Status: "ok", SiteType: "core",
		Capabilities:   append([]string{hasLinodes, hasBalancers, hasFirewall}, capabilities...),
		Monitors:       regionMonitors{Alerts: []string{}, Metrics: []string{}},
		Resolvers:      regionResolvers{IPv4: "192.0.2.53", IPv6: "2001:db8::53"},
		PlacementLimit: regionPlacements{Groups: 100, Strict: 5, Flexible: 5},
	}
}

var regions = []*region{
	newRegion("us-east", "Newark, NJ", "us", hasMetadata, hasVPCs, hasPlacement),
	newRegion("us-ord", "Chicago, IL", "us", hasMetadata, hasVPCs, hasPlacement),
	newRegion("eu-central", "Frankfurt, DE", "de", hasMetadata, hasVPCs),
	newRegion("br-gru", "Sao Paulo, BR", "br", hasMetadata, hasPlacement),
	newRegion("us-west", "Fremont, CA", "us"), // one without the Metadata service
}

type price struct {
	Hourly  float64 `json:"hourly"`
	Monthly float64 `json:"monthly"`
}

type regionPrice struct {
	ID string `json:"id"`
	price
}

type plan struct {
	ID           string        `json:"id"`
	Label        string        `json:"label"`
	Price        price         `json:"price"`
	RegionPrices []regionPrice `json:"region_prices"`
	Addons       planAddons    `json:"addons"`
	Memory       int           `json:"memory"`
	Disk         int           `json:"disk"`
	Transfer     int           `json:"transfer"`
	VCPUs        int           `json:"vcpus"`
	GPUs         int           `json:"gpus"`
	Accelerated  int           `json:"accelerated_devices"`
	NetworkOut   int           `json:"network_out"`
	Class        string        `json:"class"`
	Successor    *string       `json:"successor"`
}

type planAddons struct {
	Backups struct {
		Price        price         `json:"price"`
		RegionPrices []regionPrice `json:"region_prices"`
	} `json:"backups"`
}

// newPlan makes a plan; memory and disk are in MB, as the API has them. One region (br-gru) costs two fifths more.
func newPlan(id, label, class string, memory, disk, vcpus int, hourly, monthly float64) *plan {
	p := &plan{
		ID: id, Label: label, Class: class, Memory: memory, Disk: disk, VCPUs: vcpus, Transfer: 1000 * vcpus, NetworkOut: 1000 * vcpus,
		Price: price{hourly, monthly}, RegionPrices: []regionPrice{{"br-gru", price{hourly * 1.4, monthly * 1.4}}},
	}
	p.Addons.Backups.RegionPrices = []regionPrice{}
	return p
}

var plans = []*plan{
	newPlan("g6-nanode-1", "Nanode 1GB", "nanode", 1024, 25600, 1, 0.0075, 5),
	newPlan("g6-standard-1", "Linode 2GB", "standard", 2048, 51200, 1, 0.018, 12),
	newPlan("g6-standard-2", "Linode 4GB", "standard", 4096, 81920, 2, 0.036, 24),
	newPlan("g6-standard-4", "Linode 8GB", "standard", 8192, 163840, 4, 0.072, 48),
	newPlan("g6-dedicated-2", "Dedicated 4GB", "dedicated", 4096, 81920, 2, 0.054, 36),
}

var balancerPlans = []map[string]any{{
	"id": "nodebalancer", "label": "NodeBalancer", "price": price{0.015, 10},
	"region_prices": []regionPrice{{"br-gru", price{0.021, 14}}}, "transfer": 0,
}}

type image struct {
	ID           string         `json:"id"`
	Label        string         `json:"label"`
	Description  string         `json:"description"`
	Created      string         `json:"created"`
	Updated      string         `json:"updated"`
	CreatedBy    string         `json:"created_by"`
	Deprecated   bool           `json:"deprecated"`
	IsPublic     bool           `json:"is_public"`
	IsShared     bool           `json:"is_shared"`
	Size         int            `json:"size"`
	TotalSize    int            `json:"total_size"`
	Type         string         `json:"type"`
	Vendor       string         `json:"vendor"`
	Status       string         `json:"status"`
	EOL          *string        `json:"eol"`
	Expiry       *string        `json:"expiry"`
	Capabilities []string       `json:"capabilities"`
	Regions      []string       `json:"regions"`
	Tags         []string       `json:"tags"`
	Sharing      map[string]any `json:"image_sharing"`
}

var images = []*image{{
	ID: "linode/debian13", Label: "Debian 13", Created: "2025-08-11T12:00:00", Updated: "2025-08-11T12:00:00", CreatedBy: "linode",
	IsPublic: true, Size: 2000, Type: "manual", Vendor: "Debian", Status: "available", Capabilities: []string{"cloud-init"},
	Regions: []string{}, Tags: []string{}, Sharing: map[string]any{"shared_with": nil, "shared_by": nil},
}}

func (s *Server) offerRoutes() {
	s.route("/v4/regions", map[string]endpoint{"GET": listing(func() []*region { return regions })})
	s.route("/v4/regions/{id}", map[string]endpoint{"GET": named(regions, func(o *region) string { return o.ID })})
	s.route("/v4/linode/types", map[string]endpoint{"GET": listing(func() []*plan { return plans })})
	s.route("/v4/linode/types/{id}", map[string]endpoint{"GET": named(plans, func(o *plan) string { return o.ID })})
	s.route("/v4/images", map[string]endpoint{"GET": listing(func() []*image { return images })})
	s.route("/v4/images/{vendor}/{name}", map[string]endpoint{"GET": s.getImage})
	s.route("/v4/images/{name}", map[string]endpoint{"GET": s.getImage}) // linodego escapes the slash of an image's id
	s.route("/v4/nodebalancers/types", map[string]endpoint{"GET": listing(func() []map[string]any { return balancerPlans })})
}

// listing serves a list that is made anew for each request.
func listing[T any](objects func() []T) endpoint {
	return func(r *http.Request) (any, error) { return list(r, objects()) }
}

// named serves one of some objects that are known by a name.
func named[T any](objects []T, id func(T) string) endpoint {
	return func(r *http.Request) (any, error) {
		for _, o := range objects {
			if id(o) == r.PathValue("id") {
				return o, nil
			}
		}
		return nil, errNotFound
	}
}

func (s *Server) getImage(r *http.Request) (any, error) {
	id := r.PathValue("name")
	if vendor := r.PathValue("vendor"); vendor != "" {
		id = vendor + "/" + id
	}
	i := slices.IndexFunc(images, func(o *image) bool { return o.ID == id })
	if i < 0 {
		return nil, errNotFound
	}
	return images[i], nil
}

func findRegion(id string) *region {
	if i := slices.IndexFunc(regions, func(r *region) bool { return r.ID == id }); i >= 0 {
		return regions[i]
	}
	return nil
}

// regionWith finds a region that has a capability, or says what the API would.
func regionWith(id, capability string) (*region, error) {
	r := findRegion(id)
	if r == nil {
		return nil, invalid("region", "region is not valid")
	}
	if !slices.Contains(r.Capabilities, capability) {
		return nil, invalid("region", "%s is not available in %s", capability, id)
	}
	return r, nil
}
