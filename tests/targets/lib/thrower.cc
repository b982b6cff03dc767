// SPDX-License-Identifier: MIT
//
// Throws and catches; the frames between belong to the program, which is C and so has the C++
// runtime only through this library.

#include "thrower.h"

#include <stdexcept>
#include <string>

extern "C" void thrower_throw(int number)
{
	throw std::runtime_error(std::to_string(number));
}

static bool does_throw(int number, void (*function)(int number))
{
	try {
		function(number);
		return false;
	} catch (const std::runtime_error &error) {
		return error.what() == std::to_string(number);
	}
}

extern "C" int thrower_count_caught(int count, void (*function)(int number))
{
	int caught = 0;

	for (int i = 0; i < count; i++)
		caught += does_throw(i, function);
	return caught;
}
