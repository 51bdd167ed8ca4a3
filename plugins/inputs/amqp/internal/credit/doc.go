// Package credit decides how many messages the broker may send. The credit follows the bytes that messages take, and caution asks for fewer where one of them may end the
// connection.
package credit
