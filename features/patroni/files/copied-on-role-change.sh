#!/bin/bash
ROLE=$1
CLUSTER_NAME=$2
ETCD_HOSTS="$3" # Comma-separated list of etcd hosts
# Function to get the current primary IP from Patroni API
get_primary_ip() {
# Iterate through Patroni REST API endpoints to find the primary
# This is a simplified example; a more robust solution might query etcd directly
# or have a dedicated service discovery mechanism.
# For simplicity, we assume Patroni REST API is accessible on each node.
# A better approach would be to query etcd for the leader key.
local leader_key="/service/shopify-pg-cluster/leader"
local leader_info=$(etcdctl --endpoints="$ETCD_HOSTS" get "$leader_key" --print-value-only 2>&1)
if [[ $? -eq 0 && -n "$leader_info" ]]; then
echo "$leader_info" | jq -r '.host' | sed 's/:.*//'
else
echo ""
fi
}
# Function to update application configuration (e.g., .env file)
update_app_config() {
local primary_ip=$1
if [ -z "$primary_ip" ]; then
echo "Error: Could not determine primary PostgreSQL IP."
exit 1
fi
echo "Detected PostgreSQL primary change. New primary IP: $primary_ip"
# Example: Update .env file for a Laravel application
# This requires the application to be configured to read DB_HOST from .env
if [ -f "/var/www/shopify-app/.env" ]; then
sed -i "s/^DB_HOST=.*/DB_HOST=$primary_ip/" "/var/www/shopify-app/.env"
echo "Updated DB_HOST in /var/www/shopify-app/.env"
# Optionally, clear cache or restart services
# cd /var/www/shopify-app && php artisan config:cache && sudo systemctl restart php-fpm
else
echo "Warning: .env file not found at /var/www/shopify-app/.env. Manual intervention may be required."
fi
}
# Main logic
if [ "$ROLE" == "master" ]; then
# This node has become the primary
PRIMARY_IP=$(get_primary_ip)
update_app_config "$PRIMARY_IP"
# Potentially restart application services here if not handled by config:cache
# sudo systemctl restart your-app-service
elif [ "$ROLE" == "replica" ]; then
# This node has become a replica
echo "Node $HOSTNAME is now a replica."
# No action needed for application config, as it points to NodeBalancer
fi
exit 0
