// Package service keeps every report present and fresh, for as long as it runs.
package service
