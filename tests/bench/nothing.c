// SPDX-License-Identifier: MIT
/*
 * A program that opens no socket and ends: what is measured is its start and its end.
 */
int main(void)
{
	return 0;
}
