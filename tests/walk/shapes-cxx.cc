/* SPDX-License-Identifier: MIT */
/* Shapes of C++: lambdas, handlers of exceptions, destructors while the runtime unwinds. */
#include "shapes.h"

#include <algorithm>
#include <array>
#include <functional>
#include <string>

namespace
{

struct Unwound {
	int depth;
	std::string text;

	explicit Unwound(int d) : depth(d), text(100, 'x')
	{
	}
	~Unwound()
	{
		shape_next(depth);
	}
};

void throw_past(int depth)
{
	Unwound unwound(depth);

	if (!unwound.text.empty())
		throw depth;
}

} // namespace

void shape_lambda(int depth)
{
	std::function<void(int)> call = [&](int d) { shape_next(d < depth ? d : depth); };
	std::array<int, 3> once = {depth, depth, depth};

	std::for_each(once.begin(), once.begin() + 1, [&](int d) { call(d - 1); });
}

void shape_catch(int depth)
{
	try {
		throw std::string(200, 'y');
	} catch (const std::string &text) {
		shape_next(depth - (text.size() == 200 ? 1 : 2));
	}
}

void shape_destructor(int depth)
{
	try {
		throw_past(depth - 1);
	} catch (int) {
	}
}

void shape_rethrow(int depth)
{
	try {
		try {
			throw depth;
		} catch (int) {
			Unwound unwound(depth - 1);
			throw;
		}
	} catch (int) {
	}
}
